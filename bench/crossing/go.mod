module crossing

go 1.19

require bulkmsg v0.1.0

replace bulkmsg => ../../capi/go
