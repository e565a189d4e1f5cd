package main

// This file is about the quota that many hosts share: this tool's own share of it, and a watch on the whole. The
// watch only reads what docs/quota.md promises an operator in Redis and PostgreSQL.

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/quota"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
)

// quotaState is the quota at one moment of the engine's clock.
type quotaState struct {
	// Known is false when nobody has used the quota yet.
	Known bool
	// Now is the engine's clock.
	Now time.Time
	// Next is the first free slot; the time until then is the queue.
	Next time.Time
	// Last is when a host asked last.
	Last time.Time
	// Pause is until when MobiFone asked each lane to wait.
	Pause [telco.Lanes]time.Time
}

// queue is how long the queue of slots is.
func (s quotaState) queue() time.Duration { return max(0, s.Next.Sub(s.Now)).Round(time.Millisecond) }

// paused is how long a lane still waits because MobiFone asked for it.
func (s quotaState) paused(lane telco.Lane) time.Duration {
	return max(0, s.Pause[lane].Sub(s.Now)).Round(time.Second)
}

// quotaCommand is the command with its part.
func (a *app) quotaCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "quota", Short: a.t("Hạn mức chung của nhiều máy", "The quota that many hosts share")}
	var (
		every time.Duration
		once  bool
	)
	watch := &cobra.Command{
		Use: "watch", Args: cobra.NoArgs,
		Short: a.t("Xem hàng đợi và lệnh tạm dừng, mỗi giây một dòng", "See the queue and the pauses, a line every second"),
		Long: a.t(`Xem hạn mức ở $MOBIFONE_QUOTA, chỉ đọc. Hàng đợi dài hơn vài giây: máy bán nhiều
hơn hạn mức. Tạm dừng: MobiFone vừa trả 429 kèm Retry-After.`,
			`Shows the quota at $MOBIFONE_QUOTA and only reads. A queue of more than seconds:
more is sold than the quota allows. A pause: MobiFone answered 429, Retry-After.`),
		Example: "  mobifonectl quota watch --once --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.watchQuota(cmd.Context(), every, once) },
	}
	watch.Flags().DurationVar(&every, "every", time.Second, a.t("khoảng cách giữa hai dòng", "the time between two lines"))
	watch.Flags().BoolVar(&once, "once", false, a.t("một dòng rồi thôi", "one line, and no more"))
	cmd.AddCommand(watch)
	return cmd
}

// watchQuota prints the quota until it is interrupted.
func (a *app) watchQuota(ctx context.Context, every time.Duration, once bool) error {
	if a.set.Quota == "" {
		return a.misused(a.t("chưa biết hạn mức ở đâu", "the quota is not known"),
			a.t("đặt $MOBIFONE_QUOTA hay --quota: redis://… hay postgres://…", "set $MOBIFONE_QUOTA or --quota: redis://… or postgres://…"))
	}
	if every < 100*time.Millisecond {
		return a.misused("--every "+every.String(), a.t("ít nhất 100ms", "100ms at least"))
	}
	for first := true; ; first = false {
		s, err := a.readQuota(ctx)
		if err != nil {
			return err
		}
		if first && !a.set.asJSON {
			a.say("%-20s %-10s %-10s %-10s %-10s %s", a.t("giờ", "time"), a.t("hàng đợi", "queue"), a.t("lần cuối", "last use"),
				a.t("dừng quầy", "tellers"), a.t("dừng dò", "resolver"), a.t("dừng nền", "background"))
		}
		if err := a.printQuota(s); err != nil || once || a.out.failed != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil // whoever watches ends it so
		case <-time.After(every):
		}
		a.close()
	}
}

// printQuota prints one line.
func (a *app) printQuota(s quotaState) error {
	ago := max(0, s.Now.Sub(s.Last)).Round(time.Second)
	if a.set.asJSON {
		return json.NewEncoder(a.out).Encode(map[string]any{
			"time": s.Now.In(vietnam).Format(time.RFC3339), "used": s.Known, "queueMs": s.queue().Milliseconds(), "lastUseSeconds": ago.Seconds(),
			"pauseSeconds": map[string]float64{
				"tellers": s.paused(telco.Foreground).Seconds(), "resolver": s.paused(telco.Resolving).Seconds(),
				"background": s.paused(telco.Background).Seconds(),
			},
		})
	}
	if !s.Known {
		a.say("%-20s %s", at(s.Now), a.t("chưa ai dùng", "nobody has used it"))
		return nil
	}
	queue := s.queue().String()
	if s.queue() > 2*time.Second {
		queue = a.yellow.on(queue)
	}
	a.say("%-20s %-10s %-10s %-10s %-10s %s", at(s.Now), queue, ago, s.paused(telco.Foreground), s.paused(telco.Resolving), s.paused(telco.Background))
	return nil
}

// readQuota reads the quota from its engine.
func (a *app) readQuota(ctx context.Context) (quotaState, error) {
	if isPostgres(a.set.Quota) {
		return a.readPostgres(ctx)
	}
	return a.readRedis(ctx)
}

// readRedis reads the hash of the quota and the server's clock.
func (a *app) readRedis(ctx context.Context) (quotaState, error) {
	client, err := a.redis()
	if err != nil {
		return quotaState{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	now, err := client.Time(ctx).Result()
	if err != nil {
		return quotaState{}, a.failed("redis: "+err.Error(),
			a.t("kiểm tra Redis có chạy, URL và mật khẩu có đúng", "check that Redis runs, and its URL and password"))
	}
	fields, err := client.HGetAll(ctx, "mobifone:quota:{"+a.set.QuotaName+"}").Result()
	if err != nil {
		return quotaState{}, a.failed("redis: "+err.Error(), a.t("kiểm tra quyền đọc khóa mobifone:quota:*", "check that keys mobifone:quota:* may be read"))
	}
	s := quotaState{Known: len(fields) > 0, Now: now, Next: micros(fields["next"]), Last: micros(fields["last"])}
	for lane := range s.Pause {
		s.Pause[lane] = micros(fields["pause"+strconv.Itoa(lane)])
	}
	return s, nil
}

// micros reads a time in microseconds since the epoch.
func micros(text string) time.Time {
	us, _ := strconv.ParseInt(text, 10, 64) // the script writes nothing else; a missing one is 0
	return time.UnixMicro(us)
}

// readPostgres reads the row of the quota and the server's clock.
func (a *app) readPostgres(ctx context.Context) (quotaState, error) {
	pool, err := a.pool(ctx, a.set.Quota)
	if err != nil {
		return quotaState{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	var (
		s          quotaState
		next, last int64
		pause      []int64
	)
	err = pool.QueryRow(ctx, `SELECT q.name IS NOT NULL, clock_timestamp(), coalesce(q.next, 0), coalesce(q.last, 0), coalesce(q.pause, '{0,0,0}')
		FROM (SELECT 1) one LEFT JOIN mobifone_quota q ON q.name = $1`, a.set.QuotaName).Scan(&s.Known, &s.Now, &next, &last, &pause)
	if err != nil {
		todo := a.t("kiểm tra quyền đọc bảng mobifone_quota", "check that the table mobifone_quota may be read")
		if strings.Contains(err.Error(), "42P01") { // no such table
			todo = a.t("chưa có bảng: gọi quota.CreateTables một lần", "there is no table: call quota.CreateTables once")
		}
		return s, a.failed(err.Error(), todo)
	}
	s.Next, s.Last = time.UnixMicro(next), time.UnixMicro(last)
	for lane := range min(len(pause), len(s.Pause)) {
		s.Pause[lane] = time.UnixMicro(pause[lane])
	}
	return s, nil
}

// redis makes a client of the quota's Redis; it connects to nothing.
func (a *app) redis() (*redis.Client, error) {
	options, err := redis.ParseURL(a.set.Quota)
	if err != nil {
		// What the parser says may quote the URL, and so the password.
		return nil, a.misused(a.t("không đọc được --quota", "--quota cannot be read"), "redis://HOST:6379/0 | postgres://USER@HOST/DB")
	}
	options.ContextTimeoutEnabled, options.MaxRetries, options.DialerRetries = true, -1, 1
	client := redis.NewClient(options)
	a.later(func() { _ = client.Close() })
	return client, nil
}

// limiter is this tool's share of the quota, when the quota and its rate are known. The tool
// waits behind the tellers.
func (a *app) limiter(ctx context.Context) (mobifone.Limiter, error) {
	if a.set.Quota == "" || a.set.QuotaRate == 0 {
		return nil, nil //nolint:nilnil // no limiter is no error
	}
	cfg := quota.Config{Name: a.set.QuotaName, PerSecond: a.set.QuotaRate, Burst: a.set.QuotaBurst}
	var (
		limiter *quota.Limiter
		err     error
	)
	if isPostgres(a.set.Quota) {
		pool, failed := a.pool(ctx, a.set.Quota)
		if failed != nil {
			return nil, failed
		}
		limiter, err = quota.OnPostgres(pool, cfg)
	} else {
		client, failed := a.redis()
		if failed != nil {
			return nil, failed
		}
		limiter, err = quota.OnRedis(client, cfg)
	}
	if err != nil {
		return nil, a.misused(err.Error(), a.t("sửa $MOBIFONE_QUOTA_NAME, $MOBIFONE_QUOTA_RATE hay $MOBIFONE_QUOTA_BURST",
			"correct $MOBIFONE_QUOTA_NAME, $MOBIFONE_QUOTA_RATE or $MOBIFONE_QUOTA_BURST"))
	}
	a.later(limiter.Close)
	return limiter, nil
}
