-- Patient.name.given
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_name_given AS (
  SELECT key, item.value AS value, item.ordinal FROM patient CROSS JOIN LATERAL jsonb_path_query(resource, '$."name"[*]."given"[*] ? (@ != null)') WITH ORDINALITY AS item (value, ordinal) OFFSET 0
)
SELECT key AS "id", value FROM patient_name_given ORDER BY key COLLATE "C", ordinal
