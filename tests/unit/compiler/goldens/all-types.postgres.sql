-- Resource.id
WITH resources AS (
  SELECT "id" AS key, "resource" AS resource, "resource_type" AS resource_type FROM "resource"
),
resource_id AS (
  SELECT resource_type, key, item.value FROM resources CROSS JOIN LATERAL (SELECT (resource ->> 'id') AS value OFFSET 0) AS item
)
SELECT key AS "id", value FROM resource_id WHERE value IS NOT NULL ORDER BY resource_type COLLATE "C", key COLLATE "C"
