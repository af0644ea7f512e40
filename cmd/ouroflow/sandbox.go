package main

import (
	"errors"
	"fmt"

	"github.com/ouroflow/ouroflow/engine/health"
	"github.com/ouroflow/ouroflow/nodes/sandbox/containers"
	"github.com/spf13/cobra"
)

func (a *app) sandboxCommand() *cobra.Command {
	d := containers.DefaultDaemon()
	c := group("sandbox", "Look after the sandbox that candidates run in",
		"Candidates run in containers if a containerd answers, else in processes with namespaces of their own.\n"+
			"up starts a containerd that ouroflow has for itself; doctor says what this machine can do.",
		a.sandboxUpCommand(&d), a.sandboxDownCommand(&d), a.sandboxStatusCommand(&d), a.sandboxDoctorCommand())
	c.PersistentFlags().StringVar(&d.Dir, "dir", d.Dir, "folder for the socket and the state of ouroflow's own containerd")
	c.PersistentFlags().StringVar(&d.Data, "data", d.Data, "folder for its images")
	return c
}

func (a *app) sandboxUpCommand(d *containers.Daemon) *cobra.Command {
	return &cobra.Command{
		Use:   "up",
		Short: "Start a containerd of ouroflow's own, if it doesn't run (needs root)",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			started, err := d.Up(c.Context())
			switch {
			case err != nil:
				return err
			case started:
				fmt.Fprintf(a.stdout, "containerd runs at %s; images are in %s\n", d.Address(), d.Data)
			default:
				fmt.Fprintf(a.stdout, "containerd runs already at %s\n", d.Address())
			}
			return nil
		},
	}
}

func (a *app) sandboxDownCommand(d *containers.Daemon) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "End that containerd, and remove workers, mounts and cgroups; images stay",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			ended, err := d.Down(c.Context())
			if err != nil {
				return err
			}
			if ended {
				fmt.Fprintln(a.stdout, "containerd has ended")
			} else {
				fmt.Fprintln(a.stdout, "no containerd of ouroflow's runs")
			}
			return nil
		},
	}
}

func (a *app) sandboxStatusCommand(d *containers.Daemon) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Tell which containerd answers, its workers and its images",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return d.Status(c.Context(), a.stdout)
		},
	}
}

func (a *app) sandboxDoctorCommand() *cobra.Command {
	var python string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check what the sandbox needs, by trying it, and say what to do",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			findings, usable := containers.Examine(c.Context(), python)
			health.Print(a.stdout, findings)
			if !usable {
				return errors.New("no runtime works with all protections")
			}
			return nil
		},
	}
	c.Flags().StringVar(&python, "python", "python3", "Python interpreter to check")
	return c
}

func (a *app) imageCommand() *cobra.Command {
	return group("image", "Make images for the sandbox", "", a.imageBuildCommand())
}

func (a *app) imageBuildCommand() *cobra.Command {
	var python, output string
	c := &cobra.Command{
		Use:   "build [PACKAGE...]",
		Short: "Write an OCI image of this machine's Python, with packages from pip",
		Long: "build writes the interpreter, its standard library and the libraries that they link to into an OCI image:\n" +
			"no shell, no tools. A pipeline uses it with image: oci-tar:PATH.",
		Example: "  ouroflow image build -o python.tar\n  ouroflow image build -o numpy.tar numpy==2.1.0",
		RunE: func(c *cobra.Command, packages []string) error {
			digest, err := containers.Build(c.Context(), python, packages, output, a.stderr)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.stdout, "%s %s\n", output, digest)
			return err
		},
	}
	c.Flags().StringVar(&python, "python", "python3", "Python interpreter to put into it")
	c.Flags().StringVarP(&output, "output", "o", "python.tar", "file to write")
	return c
}
