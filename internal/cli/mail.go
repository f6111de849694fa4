package cli

import (
	"errors"

	"cartracker/internal/config"
)

type mailCommand struct {
	Preview mailPreview `cmd:"" help:"Show a mail as the templates make it, with made-up people in it."`
}

// A Preview says which mail is shown, and how.
type Preview struct{ Kind, Language, Format string }

type mailPreview struct {
	config.Config `embed:""`

	Type     string `arg:"" enum:"credentials,password-reset,contract-expiring,contract-expired" help:"Which mail: credentials, password-reset, contract-expiring or contract-expired."`
	Language string `enum:",en,bs" default:"" placeholder:"LANG" help:"en or bs; DEFAULT_LANGUAGE unless given."`
	Format   string `enum:"text,html,eml" default:"text" placeholder:"FORMAT" help:"text, html, or eml: as it is sent."`
}

// Help is shown below the usage.
func (*mailPreview) Help() string {
	return `A file in DATA_DIR/templates replaces the template of the same name. One that cannot be used is told on stderr, the
built-in template is shown in its place, and the exit code is 1. Nothing is sent.`
}

// Run shows a mail.
func (c *mailPreview) Run(p Program, t Terminal) error {
	if err := c.Check(); err != nil {
		return err
	}
	if c.Language == "" {
		c.Language = c.DefaultLanguage
	}
	shown, wrong, err := p.PreviewMail(&c.Config, Preview{c.Type, c.Language, c.Format})
	if err != nil {
		return err
	}
	if _, err := t.Out.Write(shown); err != nil {
		return err
	}
	return errors.Join(wrong...)
}
