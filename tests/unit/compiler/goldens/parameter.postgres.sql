-- Patient.where(gender = %g).id
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
matching_patient AS (
  SELECT * FROM patient WHERE ((resource ->> 'gender') = CAST(%(g)s AS text))
),
patient_where_gender_g_id AS (
  SELECT key, (resource ->> 'id') AS value FROM matching_patient OFFSET 0
)
SELECT key AS "id", value FROM patient_where_gender_g_id WHERE value IS NOT NULL ORDER BY key COLLATE "C"
