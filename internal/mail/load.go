package mail

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	texttemplate "text/template"
)

//go:embed templates
var builtIn embed.FS

// layout is the file that stands around each page.
const layout = "layout.html"

// longestTemplate is what a template may have, in bytes.
const longestTemplate = 256 << 10

// LoadTemplates returns the templates that are built in, each replaced by the
// file of the same name in dir if there is one. The errors are *TemplateError:
// of files that cannot be used, with their line, in whose place what is built in
// is used, and of files that replace nothing. Files that begin with a dot are no
// templates, but what editors leave there.
func LoadTemplates(dir string) (*Templates, []error) {
	l := &loader{dir: dir, own: map[string]string{}}
	l.read()
	around := l.around()
	t := &Templates{texts: map[string]*texttemplate.Template{}, pages: map[string]*template.Template{}}
	for _, name := range letters() {
		t.texts[name] = pick(l, name+".txt", parseText)
		t.pages[name] = pick(l, name+".html", func(file, text string) (*template.Template, error) { return parsePage(around, file, text) })
	}
	return t, l.problems
}

// A TemplateError is what is wrong with a file among the templates.
type TemplateError struct {
	File   string // its name; "" if it is the folder that cannot be read
	Unused bool   // there is nothing that the file could replace
	Err    error
}

func (e *TemplateError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *TemplateError) Unwrap() error { return e.Err }

// letters are the names of what there are templates for, without ending.
func letters() (all []string) {
	for _, kind := range Kinds() {
		for _, language := range languages() {
			all = append(all, kind+"."+language)
		}
	}
	return all
}

// A loader finds the templates, and collects what is wrong with them.
type loader struct {
	dir      string
	own      map[string]string // what is in the files of dir, by name
	problems []error
}

// read takes what is in the folder.
func (l *loader) read() {
	if l.dir == "" {
		return
	}
	entries, err := os.ReadDir(l.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.problems = append(l.problems, &TemplateError{Err: fmt.Errorf("the templates in %s cannot be read: %w", l.dir, err)})
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			l.take(e.Name())
		}
	}
}

// take reads one file of the folder.
func (l *loader) take(file string) {
	path := filepath.Join(l.dir, file)
	if !slices.Contains(files(), file) {
		l.problems = append(l.problems, &TemplateError{file, true, fmt.Errorf("%s: replaces no template", path)})
		return
	}
	text, err := readTemplate(path)
	if err != nil {
		l.problems = append(l.problems, &TemplateError{file, false, fmt.Errorf("%s: %w", path, err)})
		return
	}
	l.own[file] = text
}

// files are the names that a template may have.
func files() []string {
	all := []string{layout}
	for _, name := range letters() {
		all = append(all, name+".txt", name+".html")
	}
	return all
}

func readTemplate(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, longestTemplate+1))
	if err == nil && len(b) > longestTemplate {
		err = errors.New("is larger than 256 KiB")
	}
	return string(b), err
}

func original(file string) string {
	b, err := builtIn.ReadFile("templates/" + file)
	if err != nil {
		return "" // which no template may be: a test looks at each
	}
	return string(b)
}

// around returns the layout in force: another one counts if every page that is
// built in can be made with it.
func (l *loader) around() string {
	own, ok := l.own[layout]
	if !ok {
		return original(layout)
	}
	for _, name := range letters() {
		if _, err := parsePage(own, name+".html", original(name+".html")); err != nil {
			l.refuse(layout, err)
			return original(layout)
		}
	}
	return own
}

// pick reads the file of that name in the folder, or the one that is built in.
func pick[T any](l *loader, file string, parse func(file, text string) (T, error)) T {
	if own, ok := l.own[file]; ok {
		t, err := parse(file, own)
		if err == nil {
			return t
		}
		l.refuse(file, err)
	}
	t, err := parse(file, original(file))
	if err != nil {
		l.refuse(file, err)
	}
	return t
}

// refuse notes what is wrong with a file.
func (l *loader) refuse(file string, err error) {
	// template: NAME:LINE:COLUMN: what is wrong
	place := regexp.MustCompile(`^(?:html/)?template: ?[^:]*:(\d+):(?:\d+:)? ?(.*)`)
	path := filepath.Join(l.dir, file)
	if m := place.FindStringSubmatch(err.Error()); m != nil {
		err = fmt.Errorf("%s:%s: %s", path, m[1], m[2])
	} else {
		err = fmt.Errorf("%s: %w", path, err)
	}
	l.problems = append(l.problems, &TemplateError{file, false, fmt.Errorf("%w: the built-in template is used", err)})
}
