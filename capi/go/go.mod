module bulkmsg

go 1.19
