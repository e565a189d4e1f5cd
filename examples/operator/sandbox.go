package main

// This file serves a MobiFone to try things on; with --trial one that a shop has sold at.

import (
	"context"
	"path/filepath"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/spf13/cobra"
)

// sandboxCommand is the command.
func (a *app) sandboxCommand() *cobra.Command {
	var (
		addr, trial string
		skew        time.Duration
	)
	cmd := &cobra.Command{
		Use: "sandbox", Args: cobra.NoArgs,
		Short: a.t("Chạy một MobiFone giả để thử", "Serve a MobiFone to try things on"),
		Long: a.t(`Chạy một MobiFone giả trên máy này: không có tiền thật. --trial DIR bán sẵn vài
gói vào DIR/sales.db và ghi cấu hình vào DIR/env.`,
			`Serves a MobiFone on this machine in which no money moves. --trial DIR sells a
few packages into DIR/sales.db, and writes the configuration to DIR/env.`),
		Example: "  mobifonectl sandbox --trial /tmp/mobifone-trial",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.sandbox(cmd.Context(), addr, trial, skew) },
	}
	f := cmd.Flags()
	f.StringVar(&addr, "addr", "127.0.0.1:0", a.t("`ADDRESS` để nghe; để ở máy này", "`ADDRESS` to listen on; keep it on this machine"))
	f.StringVar(&trial, "trial", "", a.t("`DIR` sẽ có một ngày bán để thử", "`DIR` for a day of sales to try things on"))
	f.DurationVar(&skew, "skew", 0, a.t("đồng hồ MobiFone nhanh bao nhiêu", "how far MobiFone's clock is ahead"))
	return cmd
}

// sandbox serves until it is interrupted.
func (a *app) sandbox(ctx context.Context, addr, trial string, skew time.Duration) error {
	wire, err := a.wire()
	if err != nil {
		return err
	}
	// It makes up credentials of its own, because it prints them: those of the environment may be real.
	box, err := sandbox.New(sandbox.Config{Contract: wire, ResendAfter: -1, MaxDelay: 2 * time.Second})
	if err != nil {
		return err
	}
	srv, err := box.Listen(addr)
	if err != nil {
		return a.failed(err.Error(), a.t("chọn --addr khác", "choose another --addr"))
	}
	defer srv.Close()
	if trial != "" {
		if trial, err = filepath.Abs(trial); err != nil {
			return err
		}
		if err := a.trial(ctx, srv, trial, 2*time.Second); err != nil {
			return err
		}
	}
	srv.SetSkew(skew) // after the trial: with such a clock nothing is sold
	if err := a.served(srv, trial); err != nil {
		return err
	}
	<-ctx.Done()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), engineTimeout)
	defer cancel()
	return srv.Shutdown(end)
}

// served says where the sandbox is, and how to use it.
func (a *app) served(srv *sandbox.Server, trial string) error {
	if a.set.asJSON {
		environment := map[string]string{}
		for _, p := range variables(srv, trial) {
			environment[p[0]] = p[1]
		}
		return a.json(map[string]any{"url": srv.URL, "environment": environment})
	}
	a.say("%s", a.t("MobiFone giả ở ", "A MobiFone is served at ")+srv.URL)
	if trial == "" {
		a.say("\n%s", exports(srv, ""))
	} else {
		a.say(a.t("Một ngày bán ở %s. Ở cửa sổ khác: . %s", "A day of sales is in %s. In another window: . %s"), trial, filepath.Join(trial, "env"))
	}
	a.say("%s", a.t("Ctrl-C để dừng.", "Ctrl-C stops it."))
	return nil
}
