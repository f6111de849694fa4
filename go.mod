module cartracker

go 1.26.0
