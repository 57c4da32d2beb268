-- Patient.name.given
WITH patient AS (
  SELECT JSON_EXTRACT_STRING(resource, '$."id"') AS key, resource FROM (SELECT json AS resource FROM READ_NDJSON_OBJECTS(['a.ndjson']) UNION ALL SELECT resource FROM (SELECT document, UNNEST((CASE WHEN (JSON_EXTRACT_STRING(document, '$."resourceType"') = 'Bundle') THEN JSON_EXTRACT(document, '$."entry"[*]."resource"') ELSE CAST([document] AS JSON[]) END)) AS resource FROM (SELECT resource AS document FROM (SELECT json AS resource FROM READ_JSON_OBJECTS(['b.json'], maximum_object_size = 536870912)) AS files) AS documents) AS entries) AS files WHERE JSON_EXTRACT_STRING(resource, '$."resourceType"') = 'Patient'
),
patient_name_given AS (
  SELECT key, JSON_EXTRACT_STRING(resource, '$."name"[*]."given"[*]') AS items FROM patient ORDER BY key
)
SELECT * FROM (SELECT key AS "id", UNNEST(items) AS value FROM patient_name_given) WHERE value IS NOT NULL
