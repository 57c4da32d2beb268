-- Patient.active.not()
WITH patient AS (
  SELECT "pk" AS key, "doc" AS resource FROM "odd"."Fhir Data" WHERE ("doc" ->> 'resourceType') = 'Patient'
),
patient_active_not AS (
  SELECT key, (NOT CAST(NULLIF(resource -> 'active', 'null') AS boolean)) AS value FROM patient OFFSET 0
)
SELECT key AS "id", value FROM patient_active_not WHERE value IS NOT NULL ORDER BY key
