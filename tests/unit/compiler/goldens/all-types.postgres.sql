-- Resource.id
WITH resources AS (
  SELECT "id" AS key, "resource" AS resource, "resource_type" AS resource_type FROM "resource"
),
resource_id AS (
  SELECT resource_type, key, (resource ->> 'id') AS value FROM resources OFFSET 0
)
SELECT key AS "id", value FROM resource_id WHERE value IS NOT NULL ORDER BY resource_type COLLATE "C", key COLLATE "C"
