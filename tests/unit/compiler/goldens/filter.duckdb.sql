-- Patient.name.where(use = 'official').given.first()
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_name_where_use_official_given_fi AS MATERIALIZED (
  SELECT key, (CASE WHEN (CASE WHEN CONTAINS(CAST(resource AS VARCHAR), '"_given"') THEN (0 < LEN(JSON_EXTRACT(resource, '$."name"[*]."_given"'))) ELSE FALSE END) THEN (JSON_EXTRACT_STRING(COALESCE((LIST_FILTER(JSON_EXTRACT(resource, '$."name"[*]'), LAMBDA v1: ((JSON_EXTRACT_STRING(v1, '$."use"') = 'official') AND ((NULLIF(JSON_EXTRACT(v1, '$."given"'), 'null') IS NOT NULL) OR (NULLIF(JSON_EXTRACT(v1, '$."_given"'), 'null') IS NOT NULL)))))[1], CAST('null' AS JSON)), '$."given"[*]'))[1] ELSE JSON_EXTRACT_STRING((FLATTEN(LIST_TRANSFORM(LIST_FILTER(JSON_EXTRACT(resource, '$."name"[*]'), LAMBDA v1: (JSON_EXTRACT_STRING(v1, '$."use"') = 'official')), LAMBDA v1: JSON_EXTRACT(v1, '$."given"[*]'))))[1], '$') END) AS value FROM patient
)
SELECT key AS "id", value FROM patient_name_where_use_official_given_fi WHERE value IS NOT NULL ORDER BY key
