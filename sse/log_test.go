package sse

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFIFOIsAQueueInBoundedMemory(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var q fifo[*int]
	var model []*int
	longest := 0
	for step := range 200_000 {
		// Long growth and long decline by turns.
		if grow := step/20_000%2 == 0; random.IntN(10) < 3 != grow || len(model) == 0 {
			v := new(int)
			q.push(v)
			model = append(model, v)
		} else {
			require.Same(t, model[0], q.pop())
			model = model[1:]
		}
		require.Equal(t, len(model), q.len())
		longest = max(longest, len(model))
		if step%5000 == 0 {
			require.True(t, slices.Equal(model, q.all()))
			require.LessOrEqual(t, cap(q.items), 8*max(len(model), fifoSlack), "as a whole")
			for _, v := range q.items[:q.head] {
				require.Nil(t, v, "what was taken is not held on to")
			}
		}
	}
	require.Greater(t, longest, 1000)
	q.filter(func(v *int) bool { return false })
	assert.Zero(t, q.len())
	assert.LessOrEqual(t, cap(q.items), 4*fifoSlack)
}

func TestSteadyFIFOAllocatesNothing(t *testing.T) {
	var q fifo[int]
	for i := range 5000 {
		q.push(i)
		if i >= 1000 {
			q.pop()
		}
	}
	assert.Zero(t, testing.AllocsPerRun(10_000, func() { q.push(1); q.pop() }))
}

// logModel is what a hub should retain, the slow way.
type logModel struct {
	total, perTopic bounds
	records         []modelRecord
	evicted         map[string]uint64
	listening       map[string]int
	gone            map[string]uint64 // what was evicted from topics of which nothing is left
}

type modelRecord struct {
	topic string
	record
}

func (m *logModel) sums(topic string) (n int, bytes int64) {
	for _, r := range m.records {
		if topic == "" || r.topic == topic {
			n++
			bytes += r.size()
		}
	}
	return n, bytes
}

func (m *logModel) drop(i int) {
	r := m.records[i]
	m.records = slices.Delete(m.records, i, i+1)
	m.evicted[r.topic] = r.seq
	m.prune(r.topic)
}

func (m *logModel) prune(topic string) {
	if n, _ := m.sums(topic); n == 0 && m.listening[topic] == 0 {
		m.gone[topic] = m.evicted[topic]
		delete(m.evicted, topic)
	}
}

func (m *logModel) know(topic string) {
	if _, ok := m.evicted[topic]; !ok {
		m.evicted[topic] = m.gone[topic]
	}
}

func (m *logModel) trim(now int64) {
	for len(m.records) > 0 {
		n, bytes := m.sums("")
		tooOld := m.total.age > 0 && now-m.records[0].at > int64(m.total.age)
		if !tooOld && !m.total.exceeded(n, bytes) {
			return
		}
		m.drop(0)
	}
}

func (m *logModel) publish(topic string, r record) {
	m.know(topic)
	m.records = append(m.records, modelRecord{topic, r})
	for {
		if n, bytes := m.sums(topic); !m.perTopic.exceeded(n, bytes) {
			break
		}
		m.drop(slices.IndexFunc(m.records, func(r modelRecord) bool { return r.topic == topic }))
	}
	m.trim(r.at)
}

func (m *logModel) check(t *testing.T, h *Hub) {
	t.Helper()
	n, bytes := m.sums("")
	require.Equal(t, n, h.records)
	require.Equal(t, bytes, h.bytes)
	require.Zero(t, h.forgotten, "so few are all remembered")
	require.Len(t, h.topics, len(m.evicted), "topics of which nothing is left are gone")
	keys := 0
	for name, topic := range h.topics {
		n, bytes := m.sums(name)
		require.Equal(t, n, topic.records.len())
		require.Equal(t, bytes, topic.bytes)
		require.Equal(t, m.evicted[name], topic.evicted)
		require.Len(t, topic.subs, m.listening[name])
	}
	for _, r := range m.records {
		if r.key != "" {
			keys++
			require.Equal(t, r.seq, h.keys[r.key])
		}
	}
	require.Len(t, h.keys, keys)
	require.LessOrEqual(t, h.arrivals.len(), 2*h.records+fifoSlack)
	standing := 0
	for _, a := range h.arrivals.all() {
		if a.stands() {
			standing++
		}
	}
	require.Equal(t, h.records, standing, "every record has its entry")
}

func TestLogAccountingNeverDrifts(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 7))
				maybe := func(n int) int { return random.IntN(2) * random.IntN(n) }
				age := time.Duration(maybe(60)) * time.Second
				m := &logModel{
					total:    bounds{maybe(60), int64(maybe(2) * (2000 + random.IntN(10_000))), age},
					perTopic: bounds{records: maybe(20), bytes: int64(maybe(2) * (1000 + random.IntN(3000)))},
					evicted:  map[string]uint64{}, gone: map[string]uint64{}, listening: map[string]int{},
				}
				h := NewHub(Retain(m.total.records, m.total.bytes, age), RetainPerTopic(m.perTopic.records, m.perTopic.bytes))
				var subs []*subscriber
				for range 600 {
					// Few topics get most of the messages.
					topic := fmt.Sprint("t", random.IntN(1+random.IntN(12)))
					switch random.IntN(12) {
					case 0:
						time.Sleep(time.Duration(random.IntN(20)) * time.Second)
					case 1:
						m.trim(time.Now().UnixNano())
						sub, err := h.Subscribe(topic, "t0").attach(start{silent: true}, false)
						require.NoError(t, err)
						subs = append(subs, sub)
						for _, l := range sub.topics {
							m.know(l.name)
							m.listening[l.name]++
						}
					case 2:
						if len(subs) > 0 {
							i := random.IntN(len(subs))
							subs[i].detach()
							for _, l := range subs[i].topics {
								m.listening[l.name]--
								m.prune(l.name)
							}
							subs = slices.Delete(subs, i, i+1)
						}
					default:
						message := Text(strings.Repeat("x", random.IntN(700)))
						if random.IntN(3) == 0 {
							message.ID = fmt.Sprint(random.IntN(50))
						}
						ack, err := h.Publish(t.Context(), topic, message)
						require.NoError(t, err)
						if !ack.Duplicate {
							records := h.topics[topic].records.all()
							m.publish(topic, records[len(records)-1])
						}
					}
					m.check(t, h)
				}
				for _, sub := range subs {
					sub.detach()
				}
				require.NoError(t, h.Close())
			})
		})
	}
}

func TestBusyTopicBesideAQuietOneDoesNotPileUp(t *testing.T) {
	h := NewHub(Retain(0, 0, 0), RetainPerTopic(10, 0))
	_, err := h.Publish(t.Context(), "quiet", Text("the oldest of all, and retained"))
	require.NoError(t, err)
	for range 100_000 {
		_, err := h.Publish(t.Context(), "busy", Text("x"))
		require.NoError(t, err)
	}
	assert.Equal(t, 11, h.records)
	assert.LessOrEqual(t, h.arrivals.len(), 2*11+fifoSlack)
	assert.LessOrEqual(t, cap(h.arrivals.items), 8*fifoSlack)
	assert.LessOrEqual(t, cap(h.topics["busy"].records.items), 8*fifoSlack)
}

func TestRetainedBytesAreAboutWhatTheMemoryHolds(t *testing.T) {
	const limit = 16 << 20
	before := heap()
	h := NewHub(Retain(0, limit, 0))
	for i := range 400_000 {
		_, err := h.Publish(t.Context(), fmt.Sprint("t", i%10), Text("line\nline\nline\nline\nline\nline\nline\nline"))
		require.NoError(t, err)
	}
	held := int64(heap()) - int64(before)
	assert.Greater(t, h.bytes, int64(limit*9/10))
	assert.Less(t, held, int64(limit*3/2))
	runtime.KeepAlive(h)
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func TestAPeakOfRecordsIsGivenBackWhenTheyAreTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Retain(0, 0, time.Minute))
		sub, err := h.Subscribe("x").attach(start{silent: true}, false) // so that the topic stays
		require.NoError(t, err)
		for range 50_000 {
			_, err := h.Publish(t.Context(), "x", Text("x"))
			require.NoError(t, err)
		}
		time.Sleep(2 * time.Minute)
		_, err = h.Publish(t.Context(), "x", Text("x"))
		require.NoError(t, err)
		assert.Equal(t, 1, h.records)
		assert.LessOrEqual(t, cap(h.topics["x"].records.items), 8*fifoSlack)
		assert.LessOrEqual(t, cap(h.arrivals.items), 8*fifoSlack)
		sub.detach()
	})
}

func TestAgeIsLookedAtWhenSomebodySubscribes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Retain(0, 0, time.Minute))
		_, err := h.Publish(t.Context(), "x", Text("old"))
		require.NoError(t, err)
		time.Sleep(time.Minute + 1)
		sub, err := h.Subscribe("x").FromStart().attach(start{silent: true}, false)
		require.NoError(t, err)
		_, n := sub.fill(nil)
		assert.Zero(t, n)
		assert.Zero(t, h.records)
		sub.detach()
	})
}

func TestMessageLargerThanAllThatIsRetainedIsRefused(t *testing.T) {
	for name, h := range map[string]*Hub{
		"hub":   NewHub(Retain(0, 1000, 0)),
		"topic": NewHub(RetainPerTopic(0, 1000)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Publish(t.Context(), "x", Text("kept"))
			require.NoError(t, err)
			_, err = h.Publish(t.Context(), "x", Text(strings.Repeat("x", 1000)).WithID("key"))
			require.ErrorIs(t, err, ErrTooLong)
			assert.ErrorContains(t, err, `"x"`)
			assert.ErrorContains(t, err, "1000")
			var tooLong *TooLongError
			require.True(t, errors.As(err, &tooLong))
			assert.EqualValues(t, 1, h.Cursor().seq)
			assert.Equal(t, 1, h.records)
			assert.Empty(t, h.keys)
		})
	}
}

func TestFramesHaveNoSpareRoomToSpeakOf(t *testing.T) {
	for _, m := range []Message{
		Text(""), Text("short"), Text(strings.Repeat("line\n", 1000)), Text(strings.Repeat("line\r\n", 1000)),
		{Data: "x", Event: strings.Repeat("e", 100), ID: strings.Repeat("k", 1000), Retry: time.Hour},
	} {
		h := NewHub()
		h.seq = 1 << 63
		_, err := h.Publish(t.Context(), "x", m)
		require.NoError(t, err)
		frame := h.topics["x"].records.all()[0].frame
		assert.LessOrEqual(t, cap(frame), 2*len(frame)+100)
		assert.LessOrEqual(t, len(frame), frameSize(&m))
	}
}

func TestPublishAllocatesOnlyTheFrame(t *testing.T) {
	h := NewHub(Retain(1000, 0, 0))
	m := Message{Event: "crime_alert", Data: `{"kind":"riddle"}`}
	publish := func() { _, _ = h.Publish(t.Context(), "crimes", m) }
	for range 3000 {
		publish()
	}
	ctx := t.Context()
	assert.EqualValues(t, 1, testing.AllocsPerRun(5000, func() { _, _ = h.Publish(ctx, "crimes", m) }))
}

func TestAQuietTopicIsNoGapForWhatOthersHaveLost(t *testing.T) {
	h := NewHub(Retain(2, 0, 0))
	quiet := publish(t, h, "quiet", "x")
	for i := range 100 {
		publish(t, h, fmt.Sprint("busy ", i), "x")
	}
	require.Len(t, h.topics, 2)
	_, reason := h.Subscribe("quiet").locate(quiet)
	assert.Empty(t, reason, "its only message was seen")
	_, reason = h.Subscribe("never heard of").locate(quiet)
	assert.Empty(t, reason)
	_, reason = h.Subscribe("busy 3").locate(quiet)
	assert.Equal(t, evicted, reason)

	for i := range 2 * maxRemembered {
		publish(t, h, fmt.Sprint("busy ", i), "x")
	}
	assert.LessOrEqual(t, len(h.remembered.marks), maxRemembered)
	assert.LessOrEqual(t, h.remembered.order.len(), maxRemembered)
	_, reason = h.Subscribe("quiet").locate(quiet)
	assert.Equal(t, evicted, reason, "too many to remember: told rather than silent")
}
