-- Patient.name
WITH patient AS (
  SELECT "id" AS key, CASE WHEN REGEXP_MATCHES("resource", '[.](?:[0-9]+0|[0-9]{7,}|000[0-9]*)[,}\]\s]|[0-9]{9}[.][0-9]+[,}\]\s]') THEN CAST(REGEXP_REPLACE("resource", '([A-Za-z0-9_]"\s*:\s*-?[0-9]+[.][0-9]+)(\s*[,}])', '\1e+000000999999\2', 'g') AS JSON) ELSE "resource" END AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_name AS (
  SELECT key, COALESCE(JSON_EXTRACT(resource, '$."name"[*]'), []) AS items FROM patient ORDER BY key
)
SELECT * REPLACE (REPLACE(value, 'e+000000999999', '') AS value) FROM (SELECT key AS "id", UNNEST(items) AS value FROM patient_name)
