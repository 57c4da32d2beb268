-- Patient.birthDate
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_birthdate AS MATERIALIZED (
  SELECT key, JSON_EXTRACT_STRING(resource, '$."birthDate"') AS value FROM patient
)
SELECT key AS "id", value FROM patient_birthdate WHERE value IS NOT NULL ORDER BY key
