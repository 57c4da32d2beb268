-- Patient.birthDate
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_birthdate AS (
  SELECT key, (resource ->> 'birthDate') AS value FROM patient OFFSET 0
)
SELECT key AS "id", value FROM patient_birthdate WHERE value IS NOT NULL ORDER BY key COLLATE "C"
