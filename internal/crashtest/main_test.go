package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary be its own child.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(child())
	}
	os.Exit(m.Run())
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s, err := openShop(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(s.close)
	return s
}

// Every labelled point of an undisturbed sale once, then deaths in the recovery of deaths.
func TestKilledAtEveryPoint(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	points, err := s.points(t.Context())
	require.NoError(t, err)
	require.Greater(t, points, 15)
	for point := 1; point <= points; point++ {
		require.NoError(t, s.sellThrough(t.Context(), []int{point}), "point %d", point)
	}
	assert.Equal(t, points, s.killed)
	seed := rand.Uint64()
	chance := rand.New(rand.NewPCG(seed, 0))
	for range 60 {
		plan := []int{1 + chance.IntN(points), 1 + chance.IntN(points), 1 + chance.IntN(points)}
		require.NoError(t, s.sellThrough(t.Context(), plan), "seed %d, points %v", seed, plan)
	}
	for _, label := range []string{"after storing send-planned", "before the send", "after the answer", "before storing send-ended"} {
		assert.Positive(t, s.labels[label], label)
	}
}

func TestKilledAtEverySyscall(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("strace"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("strace is needed here: apt-get install strace")
		}
		t.Skip("strace is not installed: the deaths at system calls are not run")
	}
	s := newShop(t)
	require.NoError(t, atEverySyscall(t.Context(), s))
	assert.Greater(t, s.killed, 50)
}

// Two tills on one file open and register the same order at once: one registration each.
func TestTwoProcessesOneOrder(t *testing.T) {
	t.Parallel()
	require.NoError(t, newShop(t).duels(t.Context(), 150))
}

// The check can fail.
func TestCheckFindsPlantedBugs(t *testing.T) {
	t.Parallel()
	for bug, want := range map[string]string{forgetIntent: "I2/I12", forgetOutcome: "I5"} {
		t.Run(bug, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.plant = bug
			o := s.next()
			_, _ = s.start(t.Context(), o, 0, nil) // what the child says of itself does not matter
			require.ErrorContains(t, s.check(t.Context(), o), want)
		})
	}
	t.Run("sold twice", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		o := s.next()
		_, err := s.start(t.Context(), o, 0, nil)
		require.NoError(t, err)
		again := o
		again.id += "-AGAIN"
		_, err = s.start(t.Context(), again, 0, nil)
		require.NoError(t, err)
		require.ErrorContains(t, s.check(t.Context(), o), "I1")
	})
}
