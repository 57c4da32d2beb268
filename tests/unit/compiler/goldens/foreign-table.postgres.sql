-- Patient.active.not()
WITH patient AS (
  SELECT "pk" AS key, "doc" AS resource FROM "odd"."Fhir Data" WHERE ("doc" ->> 'resourceType') = 'Patient'
),
patient_active_not AS (
  SELECT key, item.value FROM patient CROSS JOIN LATERAL (SELECT (NOT CAST((resource ->> 'active') AS boolean)) AS value OFFSET 0) AS item
)
SELECT key AS "id", value FROM patient_active_not WHERE value IS NOT NULL ORDER BY key
