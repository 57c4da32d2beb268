-- Patient.name.where(use = 'official').given.first()
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_name_where_use_official_given_fi AS (
  SELECT key, (CASE WHEN (CASE WHEN TRUE THEN jsonb_path_exists(resource, '$."name"[*]."_given"') ELSE FALSE END) THEN (((SELECT item FROM (SELECT v1 AS item FROM jsonb_path_query(resource, '$ ? (@."name".type() != "null")."name"[*]') AS v1_row (v1) WHERE (((v1 ->> 'use') = 'official') AND ((NULLIF(v1 -> 'given', 'null') IS NOT NULL) OR (NULLIF(v1 -> '_given', 'null') IS NOT NULL)))) AS v1_first LIMIT 1) -> 'given' -> 0) #>> '{}') ELSE ((ARRAY(SELECT v1_item FROM jsonb_path_query(resource, '$ ? (@."name".type() != "null")."name"[*]') AS v1_row (v1) CROSS JOIN LATERAL jsonb_path_query(v1, '$ ? (@."given".type() != "null")."given"[*]') AS v1_item_row (v1_item) WHERE ((v1 ->> 'use') = 'official')))[1] #>> '{}') END) AS value FROM patient OFFSET 0
)
SELECT key AS "id", value FROM patient_name_where_use_official_given_fi WHERE value IS NOT NULL ORDER BY key COLLATE "C"
