// Idle is a program that never serves an app.
package main

import "time"

func main() { time.Sleep(time.Hour) }
