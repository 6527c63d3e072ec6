package store

import "math/rand/v2"

// Incidents makes up believable reports: robberies where the jewellers are,
// smuggling at the docks, and riddles anywhere. The same seed tells the same
// story. It is not safe for concurrent use.
type Incidents struct {
	random *rand.Rand
}

// NewIncidents starts the story with the given number.
func NewIncidents(seed uint64) *Incidents {
	return &Incidents{random: rand.New(rand.NewPCG(seed, 0x60_7A_A3))}
}

// Next returns the next report. It is always valid.
func (in *Incidents) Next() NewCrime {
	quarter := quarters[in.weighted(len(quarters), func(i int) int { return quarters[i].weight })]
	// Half of what happens is typical of the quarter, the rest can happen anywhere.
	kind := kinds[in.random.IntN(len(kinds))]
	if in.random.IntN(2) == 0 {
		kind = pick(in, quarter.typical)
	}
	plot := plots[kind]
	crime := NewCrime{
		Kind:     kind,
		Severity: severities[in.weighted(len(severities), func(i int) int { return plot.severity[i] })],
		District: quarter.district,
		Place:    pick(in, quarter.places),
	}
	if quarter.chinese {
		crime.Description, crime.Reporter = pick(in, plot.chinese), pick(in, chineseReporters)
	} else {
		crime.Description, crime.Reporter = pick(in, plot.english), pick(in, reporters)
	}
	return crime
}

// weighted chooses an index below n in proportion to the weights.
func (in *Incidents) weighted(n int, weight func(int) int) int {
	sum := 0
	for i := range n {
		sum += weight(i)
	}
	at := in.random.IntN(sum)
	for i := range n {
		if at -= weight(i); at < 0 {
			return i
		}
	}
	return n - 1
}

func pick(in *Incidents, from []string) string {
	return from[in.random.IntN(len(from))]
}
