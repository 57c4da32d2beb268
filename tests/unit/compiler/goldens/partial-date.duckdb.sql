-- Patient.birthDate < @1980-01
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_birthdate_1980_01 AS MATERIALIZED (
  SELECT key, LIST_TRANSFORM([JSON_EXTRACT_STRING(resource, '$."birthDate"')], LAMBDA v1: (CASE WHEN (LEFT(v1, LEAST(LENGTH(v1), LENGTH('1980-01'))) < LEFT('1980-01', LEAST(LENGTH(v1), LENGTH('1980-01')))) THEN TRUE WHEN (LEFT('1980-01', LEAST(LENGTH(v1), LENGTH('1980-01'))) < LEFT(v1, LEAST(LENGTH(v1), LENGTH('1980-01')))) THEN FALSE WHEN (LENGTH(v1) = LENGTH('1980-01')) THEN FALSE ELSE CAST(NULL AS BOOLEAN) END))[1] AS value FROM patient
)
SELECT key AS "id", value FROM patient_birthdate_1980_01 WHERE value IS NOT NULL ORDER BY key
