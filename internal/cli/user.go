package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"cartracker/internal/config"
	"cartracker/internal/identity"
	"cartracker/internal/record"
)

type userCommand struct {
	Add         userAdd         `cmd:"" help:"Add a user. The password is asked for, or read from stdin."`
	List        userList        `cmd:"" help:"List all users."`
	SetPassword userSetPassword `cmd:"" name:"set-password" help:"Set a user's password and sign them out everywhere. It is asked for, or read from stdin."`
}

type userAdd struct {
	config.Config `embed:""`

	Username string `required:"" help:"User name: 3 to 100 letters, digits, dots, underscores and hyphens."`
	Email    string `required:"" help:"E-mail address."`
	Name     string `help:"Full name."`
	Role     string `enum:"admin,employee,user" default:"user" help:"admin, employee or user."`
	Language string `enum:",en,bs" default:"" help:"en or bs."`
}

// Run adds a user.
func (c *userAdd) Run(ctx context.Context, p Program, t Terminal) error {
	if err := c.Check(); err != nil {
		return err
	}
	password, err := readPassword(t)
	if err != nil {
		return err
	}
	return p.Users(ctx, &c.Config, func(s *identity.Service) error {
		u, err := s.Add(asOperator(ctx), func(d *identity.Draft) error {
			d.Username, d.Email, d.Role, d.Password = c.Username, c.Email, record.Role(c.Role), identity.NewPassword(password)
			d.Name = &c.Name
			if c.Language != "" {
				d.Language = identity.Language(c.Language)
			}
			return nil
		})
		if err == nil {
			fmt.Fprintf(t.Out, "added the %s %s\n", u.Role, u.Username)
		}
		return err
	})
}

type userList struct {
	config.Config `embed:""`
}

// Run lists all users.
func (c *userList) Run(ctx context.Context, p Program, t Terminal) error {
	if err := checkExisting(p, &c.Config); err != nil {
		return err
	}
	return p.Users(ctx, &c.Config, func(s *identity.Service) error {
		w := tabwriter.NewWriter(t.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "USERNAME\tROLE\tACTIVE\tEMAIL\tNAME")
		var f identity.Filter
		for {
			users, err := s.List(asOperator(ctx), f)
			if err != nil {
				return err
			}
			for _, u := range users.Items {
				fmt.Fprintf(w, "%s\t%s\t%t\t%s\t%s\n", u.Username, u.Role, u.Active, u.Email, orDash(u.Name))
			}
			if f.Cursor = users.Next; f.Cursor == "" {
				return w.Flush()
			}
		}
	})
}

func orDash(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

type userSetPassword struct {
	config.Config `embed:""`

	Username string `arg:"" help:"User name or e-mail address."`
}

// Run sets a password.
func (c *userSetPassword) Run(ctx context.Context, p Program, t Terminal) error {
	if err := checkExisting(p, &c.Config); err != nil {
		return err
	}
	password, err := readPassword(t)
	if err != nil {
		return err
	}
	return p.Users(ctx, &c.Config, func(s *identity.Service) error {
		err := s.ResetPasswordOf(asOperator(ctx), c.Username, identity.NewPassword(password))
		if err == nil {
			fmt.Fprintln(t.Out, "set; the user is signed out everywhere")
		}
		return err
	})
}

// asOperator returns a context in which whoever sits at the command line asks.
func asOperator(ctx context.Context) context.Context {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return record.As(ctx, record.Caller{Person: record.Person{Username: "cli:" + name, Role: record.Admin}})
}

// maxPassword bounds what is read from stdin, in bytes.
const maxPassword = 8 << 10

// readPassword asks for a password twice without showing it, or reads the
// first line of stdin if nobody sits there.
func readPassword(t Terminal) (string, error) {
	if !t.InTerminal {
		line, err := bufio.NewReader(io.LimitReader(t.In, maxPassword)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	first, err := ask(t, "Password: ")
	if err != nil {
		return "", err
	}
	again, err := ask(t, "Once more: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", errors.New("the two passwords differ")
	}
	return first, nil
}

func ask(t Terminal, prompt string) (string, error) {
	f, ok := t.In.(*os.File)
	if !ok {
		return "", errors.New("stdin is no terminal")
	}
	fmt.Fprint(t.Err, prompt)
	b, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(t.Err)
	return string(b), err
}
