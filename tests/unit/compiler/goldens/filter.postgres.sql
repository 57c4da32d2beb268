-- Patient.name.where(use = 'official').given.first()
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_name_where_use_official_given_fi AS (
  SELECT key, ((ARRAY(SELECT v1_item FROM jsonb_path_query(resource, '$ ? (@."name".type() != "null")."name"[*]') AS v1_row (v1) CROSS JOIN LATERAL jsonb_path_query(v1, '$ ? (@."given".type() != "null")."given"[*]') AS v1_item_row (v1_item) WHERE ((v1 ->> 'use') = 'official')))[1] #>> '{}') AS value FROM patient OFFSET 0
)
SELECT key AS "id", value FROM patient_name_where_use_official_given_fi WHERE value IS NOT NULL ORDER BY key COLLATE "C"
