module example.com/tests/rollout

go 1.15
