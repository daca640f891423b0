module probe

go 1.15
