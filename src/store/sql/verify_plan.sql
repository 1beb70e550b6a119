-- Makes the planner read days in the order of the key, for this transaction. Sorting a large table
-- would fill the server's disk before the first row comes.
SELECT set_config('enable_sort', 'off', true),
       set_config('max_parallel_workers_per_gather', '0', true)
