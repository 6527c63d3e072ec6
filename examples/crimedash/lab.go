package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

const (
	labPrefix  = "lab/"                 // of topics: each examination has one
	labPace    = 400 * time.Millisecond // between two steps
	labStep    = 5                      // percent
	labBenches = 4                      // examinations at a time
)

// lab examines the evidence of a crime, which takes a while. It is the pattern for a long
// job: a request begins it, and its end does not end with that of the request; how far it
// is goes to a topic of the hub, so that any number of pages can follow, from any process,
// come later, and resume; and the program waits for it when it ends. Each process has
// benches of its own.
type lab struct {
	desk *desk
	pace time.Duration

	mu      sync.Mutex
	jobs    map[int64]string // under way, by crime
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func newLab(desk *desk, pace time.Duration) *lab {
	ctx, cancel := context.WithCancel(context.Background())
	return &lab{desk: desk, pace: pace, jobs: map[int64]string{}, ctx: ctx, cancel: cancel}
}

// stop breaks off what is under way, says so to whoever follows, and waits for it.
func (l *lab) stop() {
	l.mu.Lock()
	l.cancel()
	l.mu.Unlock()
	l.running.Wait()
}

// examination is what who asks for one gets.
type examination struct {
	Job  string `json:"job"`
	Live string `json:"live"` // where to follow it
}

// Header says the same in HTTP's words.
func (e examination) Header() http.Header { return http.Header{"Location": {e.Live}} }

// labProgress is how far one is. The page has words for the codes.
type labProgress struct {
	Crime   int64  `json:"crime"`
	Percent int    `json:"percent"`
	Stage   string `json:"stage"`             // "collect", "prints", "compare" or "report"
	Finding string `json:"finding,omitempty"` // with 100 percent: a code
}

// labStages are what is done from which percentage on.
var labStages = []struct {
	from int
	code string
}{{90, "report"}, {50, "compare"}, {20, "prints"}, {0, "collect"}}

// labFindings are what may come out. The same evidence always says the same.
var labFindings = []string{"penguin", "riddler", "freeze", "catwoman", "nobody"}

const (
	labEvent     = "lab_progress"
	labDoneEvent = "lab_done"
	labOverEvent = "lab_stopped" // broken off: the program ends
)

// examine begins an examination, or returns the one of this crime that is under way.
func (l *lab) examine(ctx context.Context, in *crimeID) (examination, error) {
	crime, err := l.desk.store.Get(ctx, in.ID)
	if err != nil {
		return examination{}, explain(err, inBody)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	job, known := l.jobs[crime.ID]
	switch {
	case known:
		return follow(job), nil
	case l.ctx.Err() != nil:
		return examination{}, redstart.Error(http.StatusServiceUnavailable, "the laboratory is closing")
	case len(l.jobs) == labBenches:
		return examination{}, redstart.Errorf(http.StatusServiceUnavailable, "the laboratory has %d cases on its benches: try again in a moment", labBenches).
			WithHeader("Retry-After", "5")
	}
	job = strings.ToLower(rand.Text())
	l.jobs[crime.ID] = job
	l.running.Go(func() { l.run(job, crime.ID) })
	return follow(job), nil
}

func follow(job string) examination { return examination{job, "/api/examinations/" + job + "/live"} }

// run does an examination. Its bench is free before its end is told, so that whoever hears
// of the end and asks again gets another.
func (l *lab) run(job string, crime int64) {
	event, state := l.work(labPrefix+job, crime)
	l.mu.Lock()
	delete(l.jobs, crime)
	l.mu.Unlock()
	l.tell(labPrefix+job, event, state)
}

// work goes step by step, and returns the event that is the end.
func (l *lab) work(topic string, crime int64) (string, labProgress) {
	for percent := 0; percent < 100; percent += labStep {
		state := labProgress{Crime: crime, Percent: percent, Stage: stageAt(percent)}
		l.tell(topic, labEvent, state)
		if !pause(l.ctx, l.pace) {
			return labOverEvent, state
		}
	}
	finding := labFindings[uint64(crime)%uint64(len(labFindings))]
	return labDoneEvent, labProgress{Crime: crime, Percent: 100, Stage: "report", Finding: finding}
}

// tell publishes a step. One that cannot be told, since the log is out of reach, does not
// stop the work: the next may be.
func (l *lab) tell(topic, event string, state labProgress) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), announceTime)
	defer cancel()
	_, _ = l.desk.hub.Publish(ctx, topic, sse.JSON(state).WithEvent(event))
}

func stageAt(percent int) string {
	for _, stage := range labStages {
		if percent >= stage.from {
			return stage.code
		}
	}
	return ""
}

// jobForm is how jobs are called.
var jobForm = regexp.MustCompile(`^[a-z2-7]{26}$`)

// live follows an examination from its beginning, or from where the page was. Whether the
// name means anything is not asked: another process may know it.
func (l *lab) live(req *redstart.Request) redstart.Response {
	job := req.Param("job")
	if !jobForm.MatchString(job) {
		return redstart.Fail(redstart.Error(http.StatusNotFound, "no such examination"))
	}
	return redstart.SSEResponse(l.desk.hub.Subscribe(labPrefix+job).FromStart(), sse.Retry(retryAfter))
}
