-- Patient.name.where(use = 'official').given.first()
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_name_where_use_official_given_fi AS MATERIALIZED (
  SELECT key, (CASE WHEN (CASE WHEN CONTAINS(CAST(resource AS VARCHAR), '"_given"') THEN (0 < LEN(JSON_EXTRACT(resource, '$."name"[*]."_given"'))) ELSE FALSE END) THEN JSON_EXTRACT_STRING((LIST_FILTER(LIST_TRANSFORM(FLATTEN(LIST_TRANSFORM(LIST_FILTER(JSON_EXTRACT(resource, '$."name"[*]'), LAMBDA v1: (JSON_EXTRACT_STRING(v1, '$."use"') = 'official')), LAMBDA v1: (CASE WHEN (0 < CAST(LEN(JSON_EXTRACT(v1, '$."given"[*]')) AS BIGINT)) THEN LIST_FILTER(LIST_TRANSFORM(JSON_EXTRACT(v1, '$."given"[*]'), LAMBDA v4, v6: JSON_OBJECT('v', v4, '_v', (JSON_EXTRACT(v1, '$."_given"[*]'))[v6])), LAMBDA y: y IS NOT NULL) ELSE LIST_FILTER(LIST_TRANSFORM(JSON_EXTRACT(v1, '$."_given"[*]'), LAMBDA v5: JSON_OBJECT('v', CAST(NULL AS JSON), '_v', v5)), LAMBDA y: y IS NOT NULL) END))), LAMBDA v7: COALESCE(NULLIF(JSON_EXTRACT(v7, '$."v"'), 'null'), CAST('null' AS JSON))), LAMBDA y: y IS NOT NULL))[1], '$') ELSE JSON_EXTRACT_STRING((FLATTEN(LIST_TRANSFORM(LIST_FILTER(JSON_EXTRACT(resource, '$."name"[*]'), LAMBDA v1: (JSON_EXTRACT_STRING(v1, '$."use"') = 'official')), LAMBDA v1: JSON_EXTRACT(v1, '$."given"[*]'))))[1], '$') END) AS value FROM patient
)
SELECT key AS "id", value FROM patient_name_where_use_official_given_fi WHERE value IS NOT NULL ORDER BY key
