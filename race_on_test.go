//go:build race

package redstart_test

const raceDetector = true
