"""Policy: the pool, deadlines, retries and cancellation, once for every dialect. Only here are clocks and locks."""
