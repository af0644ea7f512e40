package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/upkeep"
	"github.com/spf13/cobra"
)

func (a *app) cacheCommand() *cobra.Command {
	return group("cache", "Look after the cache: where it is, what it holds, whether it is whole", "",
		a.cachePathCommand(), a.cacheListCommand(), a.cacheVerifyCommand(), a.cacheCollectCommand())
}

// store is the cache that the flags, the environment or the working folder name.
func (a *app) store() *cas.Disk { return cas.NewDisk(a.folders("").cache) }

func (a *app) cachePathCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "path",
		Short: "Print the folder of the cache",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.stdout, a.store().Dir())
			return err
		},
	}
}

func (a *app) cacheListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "ls",
		Short: "Tell what takes how much room, by pipeline and node",
		Long:  "ls adds up the files of the cache. What several nodes share counts for the one of the newest run; rows\nare shared by all pipelines and are listed by node type.",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			shares, err := upkeep.Usage(a.store(), a.runs())
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(shares)
			}
			return a.printShares(shares)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return c
}

func (a *app) printShares(shares []upkeep.Share) error {
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PIPELINE\tNODE\tFILES\tSIZE")
	var total upkeep.Amount
	for _, s := range shares {
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\n", or(s.Pipeline, "-"), s.Node, s.Files, size(s.Bytes))
		total.Files += s.Files
		total.Bytes += s.Bytes
	}
	fmt.Fprintf(t, "total\t\t%d\t%s\n", total.Files, size(total.Bytes))
	return t.Flush()
}

// size writes a number of bytes for people.
func size(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	x, i := float64(n), -1
	for x >= unit && i < 3 {
		x /= unit
		i++
	}
	return fmt.Sprintf("%.1f %ciB", x, "KMGT"[i])
}

// errFound says that verify found something that it didn't repair.
var errFound = errors.New("the cache or its run records have damage; see above")

func (a *app) cacheVerifyCommand() *cobra.Command {
	var repair, asJSON bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Read everything in the cache and the run records, and tell what is damaged",
		Long:  "verify compares all content with its digests. What is damaged is never used, with or without verify: it is\ncomputed again when it is needed. --repair removes it now, writes lost indexes again, and removes what\nprocesses that died left.",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			return a.verify(repair, asJSON)
		},
	}
	c.Flags().BoolVar(&repair, "repair", false, "remove what is damaged")
	c.Flags().BoolVar(&asJSON, "json", false, "print one finding per line as JSON")
	return c
}

func (a *app) verify(repair, asJSON bool) error {
	found, fixed := 0, 0
	v := &upkeep.Verifier{Store: a.store(), Runs: a.runs(), Repair: repair, Report: func(f upkeep.Finding) {
		found++
		if f.Fixed {
			fixed++
		}
		if asJSON {
			_ = json.NewEncoder(a.stdout).Encode(f) // a lost output is noticed by checkedWriter
			return
		}
		fmt.Fprintf(a.stdout, "%s: %s: %s\n  %s\n", f.Path, f.What, f.Reason, f.Action)
	}}
	files, err := v.Verify()
	if err != nil {
		return err
	}
	if !asJSON {
		fmt.Fprintf(a.stdout, "%d files read, %d findings, %d repaired\n", files, found, fixed)
	}
	if found > fixed {
		return errFound
	}
	return nil
}

func (a *app) cacheCollectCommand() *cobra.Command {
	var dryRun, asJSON bool
	var newest, days int
	c := &cobra.Command{
		Use:   "gc",
		Short: "Remove what no kept run needs, and merge small row segments",
		Long: "gc keeps what the newest runs need, and what was used lately, or is in use: it is safe beside runs.\n" +
			"The records of other runs stay, marked: `ouroflow runs rm` removes them.",
		Example: "  ouroflow cache gc --dry-run\n  ouroflow cache gc --keep 5 --days 7",
		Args:    args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			if newest < 0 || days < 0 {
				return usageError{errors.New("--keep and --days can't be negative")}
			}
			collector := &upkeep.Collector{Store: a.store(), Runs: a.runs(), Newest: newest, Younger: time.Duration(days) * 24 * time.Hour, DryRun: dryRun}
			done, err := collector.Collect()
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(done)
			}
			a.printCollected(done, dryRun)
			return nil
		},
	}
	c.Flags().IntVar(&newest, "keep", 10, "keep what the newest so many runs need")
	c.Flags().IntVar(&days, "days", 14, "keep what runs of the last so many days need or used")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be removed")
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return c
}

func (a *app) printCollected(done *upkeep.Collected, dryRun bool) {
	verb := "removed"
	if dryRun {
		verb = "would remove"
	}
	var total upkeep.Amount
	for _, kind := range slices.Sorted(maps.Keys(done.Removed)) {
		r := done.Removed[kind]
		fmt.Fprintf(a.stdout, "%s: %s %d files, %s\n", kind, verb, r.Files, size(r.Bytes))
		total.Files += r.Files
		total.Bytes += r.Bytes
	}
	fmt.Fprintf(a.stdout, "%s %d files, %s; kept %d files, %s, for %d runs and what was used lately\n",
		verb, total.Files, size(total.Bytes), done.Kept.Files, size(done.Kept.Bytes), len(done.KeptRuns))
	if done.Merged > 0 {
		fmt.Fprintf(a.stdout, "merged %d row segments\n", done.Merged)
	}
}
