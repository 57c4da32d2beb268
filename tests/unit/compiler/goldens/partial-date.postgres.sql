-- Patient.birthDate < @1980-01
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_birthdate_1980_01 AS (
  SELECT key, (SELECT (CASE WHEN (LEFT(v1, LEAST(CHAR_LENGTH(v1), CHAR_LENGTH('1980-01'))) COLLATE "C" < LEFT('1980-01', LEAST(CHAR_LENGTH(v1), CHAR_LENGTH('1980-01'))) COLLATE "C") THEN TRUE WHEN (LEFT('1980-01', LEAST(CHAR_LENGTH(v1), CHAR_LENGTH('1980-01'))) COLLATE "C" < LEFT(v1, LEAST(CHAR_LENGTH(v1), CHAR_LENGTH('1980-01'))) COLLATE "C") THEN FALSE WHEN (CHAR_LENGTH(v1) = CHAR_LENGTH('1980-01')) THEN FALSE ELSE CAST(NULL AS boolean) END) FROM (SELECT (resource ->> 'birthDate') AS v1 OFFSET 0) AS v1_row) AS value FROM patient OFFSET 0
)
SELECT key AS "id", value FROM patient_birthdate_1980_01 WHERE value IS NOT NULL ORDER BY key COLLATE "C"
