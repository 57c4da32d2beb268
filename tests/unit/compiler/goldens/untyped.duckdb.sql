-- Patient.name.given
WITH patient AS (
  SELECT "id" AS key, CASE WHEN REGEXP_MATCHES("resource", '[.](?:[0-9]+0|[0-9]{7,}|000[0-9]*)[,}\]\s]|[0-9]{9}[.][0-9]+[,}\]\s]') THEN CAST(REGEXP_REPLACE("resource", '([A-Za-z0-9_]"\s*:\s*-?[0-9]+[.][0-9]+)(\s*[,}])', '\1e+000000999999\2', 'g') AS JSON) ELSE "resource" END AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_name_given AS (
  SELECT key, LIST_FILTER(FLATTEN(LIST_TRANSFORM(FLATTEN(LIST_TRANSFORM([resource], LAMBDA z: CASE JSON_TYPE(z, '$."name"') WHEN 'ARRAY' THEN JSON_EXTRACT(z, '$."name"[*]') ELSE [JSON_EXTRACT(z, '$."name"')] END)), LAMBDA z: CASE JSON_TYPE(z, '$."given"') WHEN 'ARRAY' THEN JSON_EXTRACT(z, '$."given"[*]') ELSE [JSON_EXTRACT(z, '$."given"')] END)), LAMBDA z: z <> 'null') AS items FROM patient ORDER BY key
)
SELECT * REPLACE (REPLACE(value, 'e+000000999999', '') AS value) FROM (SELECT key AS "id", UNNEST(items) AS value FROM patient_name_given)
