package websocket

// takeReader makes the caller the reader, in the place of an attendant. The end of the
// connection waits for its turn too.
func (c *Conn) takeReader(as int32) error {
	in := &c.in
	if in.reader.CompareAndSwap(readerNone, as) {
		return nil
	}
	in.wanted.Add(1)
	defer in.wanted.Add(-1)
	for {
		switch in.reader.Load() {
		case readerAttendant:
			in.evict.Store(true)
			c.interrupt()
		case readerUser:
			if as == readerUser {
				return errTwoReader
			}
		case readerClosing:
			if end := c.end.Load(); end != nil {
				return end
			}
			return errClosing
		}
		c.mu.Lock()
		taken := in.reader.CompareAndSwap(readerNone, as)
		if !taken && in.reader.Load() != readerClosing {
			c.roomLocked().Wait()
		}
		c.mu.Unlock()
		if taken {
			return nil
		}
	}
}

// releaseReader lets somebody else read.
func (c *Conn) releaseReader() {
	c.in.reader.Store(readerNone)
	if c.in.wanted.Load() != 0 {
		c.mu.Lock()
		c.roomLocked().Broadcast()
		c.mu.Unlock()
	}
}
