//go:build !bulkmsg_static

package bulkmsg

// #cgo pkg-config: bulkmsg
import "C"
