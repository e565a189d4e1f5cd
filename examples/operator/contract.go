package main

// This file judges a contract's document and shows how two of them differ.

import (
	"fmt"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/spf13/cobra"
	"github.com/wI2L/jsondiff"
)

// contractCommand is the command with its parts.
func (a *app) contractCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "contract", Short: a.t("Tệp tả giao thức MobiFone: kiểm tra, so sánh", "The document of MobiFone's wire: check, compare")}
	cmd.AddCommand(&cobra.Command{
		Use: "check [FILE]", Args: cobra.MaximumNArgs(1),
		Short: a.t("Mọi lỗi và điều nên xem lại của một tệp", "All problems of a document, and its warnings"),
		Long: a.t("Kiểm tra một tệp tả giao thức; không nêu tệp: $MOBIFONE_CONTRACT.\nMã thoát 1 nếu có lỗi.",
			"Checks a document; without FILE the one in $MOBIFONE_CONTRACT.\nThe exit code is 1 if there are problems."),
		RunE: func(_ *cobra.Command, args []string) error { return a.contractCheck(args) },
	}, &cobra.Command{
		Use: "diff FILE [FILE]", Args: cobra.RangeArgs(1, 2),
		Short: a.t("Khác bản giả định, hay khác tệp kia, ở đâu", "Where it differs from the assumed wire, or another one"),
		Long: a.t("So sánh tệp với giao thức giả định có sẵn, hay hai tệp với nhau. Mã thoát 3 nếu\nkhác.",
			"Compares a document with the assumed wire, or two documents. The exit code is 3\nif they differ."),
		RunE: func(_ *cobra.Command, args []string) error { return a.contractDiff(args) },
	})
	return cmd
}

// finding is a problem or a warning for other programs.
type finding struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// contractCheck prints what is wrong with a document.
func (a *app) contractCheck(args []string) error {
	if len(args) == 0 {
		args = []string{a.set.Contract}
	}
	if args[0] == "" {
		return a.misused(a.t("kiểm tra tệp nào?", "which file?"), "mobifonectl contract check FILE")
	}
	c, err := loadContract(args[0])
	problems := contract.Problems(err)
	if err != nil && len(problems) == 0 {
		return err
	}
	wrong, warned := findings(problems), []finding{}
	if c != nil {
		warned = findings(c.Warnings())
	}
	if a.set.asJSON {
		if err := a.json(map[string]any{"problems": wrong, "warnings": warned}); err != nil {
			return err
		}
	} else {
		for _, f := range wrong {
			a.say("%s %s\n      %s", a.red.on(a.t("LỖI ", "BAD ")), f.Path, f.Text)
		}
		for _, f := range warned {
			a.say("%s %s\n      %s", a.yellow.on(a.t("XEM ", "LOOK")), f.Path, f.Text)
		}
	}
	if len(wrong) > 0 {
		return a.failed(fmt.Sprintf(a.t("%d lỗi", "%d problem(s)"), len(wrong)), a.t("sửa từng dòng; docs/contract.md", "correct each line; docs/contract.md"))
	}
	if !a.set.asJSON {
		a.say("%s", a.green.on(a.t("Dùng được.", "It can be used.")))
	}
	return nil
}

// findings are problems for other programs; never nil, so that JSON has [] and not null.
func findings(problems []*contract.Problem) []finding {
	all := []finding{}
	for _, p := range problems {
		all = append(all, finding{p.Path, p.Text})
	}
	return all
}

// contractDiff prints where two documents differ: a file and the assumed wire, or two files. Both are loaded first, so a
// document with problems is not compared.
func (a *app) contractDiff(args []string) error {
	first, second := contract.Default(), args[0]
	if len(args) == 2 {
		var err error
		if first, err = loadContract(args[0]); err != nil {
			return a.ofFile(args[0], err)
		}
		second = args[1]
	}
	other, err := loadContract(second)
	if err != nil {
		return a.ofFile(second, err)
	}
	// The documents are compared as they were read, so that blanks and order do not count.
	patch, err := jsondiff.Compare(first.Document(), other.Document(), jsondiff.LCS())
	if err != nil {
		return err
	}
	if a.set.asJSON {
		lines := []map[string]any{}
		for _, op := range patch {
			lines = append(lines, map[string]any{"op": op.Type, "path": op.Path, "old": op.OldValue, "new": op.Value})
		}
		if err := a.json(lines); err != nil {
			return err
		}
	} else {
		a.printDiff(patch)
	}
	if len(patch) > 0 {
		return &failure{code: exitDiffers}
	}
	return nil
}

// ofFile is an error of a file, which it names.
func (a *app) ofFile(file string, err error) *failure {
	f := a.explain(err)
	if !strings.Contains(f.what, file) {
		f.what = file + ": " + f.what
	}
	if problems := contract.Problems(err); len(problems) > 0 {
		f.what = fmt.Sprintf(a.t("%s: %d lỗi", "%s: %d problem(s)"), file, len(problems))
		f.todo = "mobifonectl contract check " + file
	}
	return f
}

// printDiff prints the differences for a person.
func (a *app) printDiff(patch jsondiff.Patch) {
	if len(patch) == 0 {
		a.say("%s", a.t("Không khác.", "No difference."))
		return
	}
	for _, op := range patch {
		switch op.Type {
		case jsondiff.OperationAdd:
			a.say("%s %s: %s", a.green.on("+"), op.Path, compact(op.Value))
		case jsondiff.OperationRemove:
			a.say("%s %s: %s", a.red.on("-"), op.Path, compact(op.OldValue))
		default:
			a.say("%s %s: %s → %s", a.yellow.on("~"), op.Path, compact(op.OldValue), compact(op.Value))
		}
	}
}
