-- Patient.name.given
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_name_given AS (
  SELECT key, LIST_FILTER(FLATTEN(LIST_TRANSFORM(FLATTEN(LIST_TRANSFORM([resource], LAMBDA z: CASE JSON_TYPE(z, '$."name"') WHEN 'ARRAY' THEN JSON_EXTRACT(z, '$."name"[*]') ELSE [JSON_EXTRACT(z, '$."name"')] END)), LAMBDA z: CASE JSON_TYPE(z, '$."given"') WHEN 'ARRAY' THEN JSON_EXTRACT(z, '$."given"[*]') ELSE [JSON_EXTRACT(z, '$."given"')] END)), LAMBDA z: z <> 'null') AS items FROM patient ORDER BY key
)
SELECT key AS "id", UNNEST(items) AS value FROM patient_name_given
