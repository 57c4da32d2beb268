-- Resource.id
WITH resources AS (
  SELECT "id" AS key, "resource" AS resource, "resource_type" AS resource_type FROM "resource"
),
resource_id AS MATERIALIZED (
  SELECT resource_type, key, JSON_EXTRACT_STRING(resource, '$."id"') AS value FROM resources
)
SELECT key AS "id", value FROM resource_id WHERE value IS NOT NULL ORDER BY resource_type, key
