package sse

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// hasty is a broker during whose Publish something else happens.
type hasty struct {
	Broker
	during func(topic string)
}

func (h *hasty) Publish(ctx context.Context, topic string, m Message) (Ack, error) {
	h.during(topic)
	return h.Broker.Publish(ctx, topic, m)
}

func TestWhoLeavesWhileItsComingIsToldHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		joined := make(chan func(), 1)
		var once sync.Once
		h := ready(t, node(t, &hasty{NewMemoryBroker(0), func(topic string) {
			if topic == presenceTopic {
				once.Do(func() { (<-joined)() })
			}
		}}))
		joined <- h.Join("cave", "Batman")
		synctest.Wait()
		time.Sleep(2 * DefaultPresenceGrace)
		synctest.Wait()
		assert.Empty(t, present(h, "cave"))
		assert.Equal(t, "join Batman, leave Batman", joinsAndLeaves(t, h, "cave"))
	})
}

func TestAMemberWhoseEventIsRefusedDoesNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(RetainPerTopic(0, 1000))
		defer h.Join("cave", strings.Repeat("x", 2000))()
		synctest.Wait()
		defer h.Join("cave", "Batman")()
		time.Sleep(2 * presenceRetry)
		synctest.Wait()
		assert.Equal(t, "join Batman", joinsAndLeaves(t, h, "cave"))
		assert.NoError(t, h.Close())
	})
}

func TestManyWhoLeaveAtOnceAreNotAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewMemoryBroker(0)
		one, two := ready(t, node(t, b)), ready(t, node(t, b))
		defer two.Join("roof", "Robin")()
		var leaves []func()
		for i := range 5 * presencePage {
			leaves = append(leaves, one.Join("cave", fmt.Sprint(i)))
		}
		time.Sleep(time.Minute)
		for _, leave := range leaves[1:] {
			leave()
		}
		time.Sleep(DefaultPresenceGrace + time.Second)
		synctest.Wait()
		assert.Len(t, one.Presence("cave"), 1)
		hellos := 0
		for _, e := range b.entries.all() {
			if e.Topic == presenceTopic && strings.Contains(e.Message.Data, `"hello":true`) {
				hellos++
			}
		}
		assert.LessOrEqual(t, hellos, 2, "each node says it once")
	})
}
