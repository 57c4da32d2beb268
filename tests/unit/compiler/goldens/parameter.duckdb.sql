-- Patient.where(gender = %g).id
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
matching_patient AS (
  SELECT * FROM patient WHERE (JSON_EXTRACT_STRING(resource, '$."gender"') = CAST($g AS VARCHAR))
),
patient_where_gender_g_id AS MATERIALIZED (
  SELECT key, JSON_EXTRACT_STRING(resource, '$."id"') AS value FROM matching_patient
)
SELECT key AS "id", value FROM patient_where_gender_g_id WHERE value IS NOT NULL ORDER BY key
