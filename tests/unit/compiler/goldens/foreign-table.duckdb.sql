-- Patient.active.not()
WITH patient AS (
  SELECT "pk" AS key, "doc" AS resource FROM "odd"."Fhir Data" WHERE JSON_EXTRACT_STRING("doc", '$."resourceType"') = 'Patient'
),
patient_active_not AS MATERIALIZED (
  SELECT key, (NOT CAST(NULLIF(RTRIM(JSON_EXTRACT(resource, '$."active"'), '01'), 'null') AS BOOLEAN)) AS value FROM patient
)
SELECT key AS "id", value FROM patient_active_not WHERE value IS NOT NULL ORDER BY key
