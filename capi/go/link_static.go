//go:build bulkmsg_static

package bulkmsg

// The archive holds all of bulkmsg; CGO_CFLAGS=-I and CGO_LDFLAGS=-L say where it is when that is no standard place.

// #cgo LDFLAGS: -l:libbulkmsg.a -lsqlite3 -lssl -lcrypto -lsimdjson -labsl_time -labsl_time_zone -lstdc++ -lm -lpthread
import "C"
