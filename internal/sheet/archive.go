package sheet

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// What an XLSX, which is a zip archive, may have at most. Nothing of it is
// believed: zip.Reader ends a part that unpacks to more than the directory
// says, and every part that is used is unpacked once before it is.
const (
	maxArchive   = 64 << 20  // bytes of the file
	maxUnpacked  = 512 << 20 // bytes of all parts together
	maxRatio     = 200       // how many times the file they may be,
	ratioFrom    = 10 << 20  // if they are more bytes than this
	maxParts     = 1000
	maxDirectory = 2 << 20 // bytes that are read to list the parts
	maxBook      = 2 << 20 // bytes of the parts that are no sheets and no texts
)

const damaged = "is damaged: open it in a spreadsheet program and save it anew"

// openArchive lists the parts of an XLSX, if it is within the bounds.
func openArchive(input *bounded, size int64) ([]*zip.File, error) {
	if size > maxArchive {
		return nil, refuse(0, fmt.Sprintf("is larger than %d MiB: save it as CSV", maxArchive>>20))
	}
	archive, err := zip.NewReader(input, size)
	switch {
	case input.over:
		return nil, refuse(0, fmt.Sprintf("has more than %d parts", maxParts))
	case input.failed != nil:
		return nil, fmt.Errorf("read: %w", input.failed)
	case err != nil:
		return nil, refuse(0, "is not all there, or damaged: save it anew and send it again")
	}
	input.left = -1
	return archive.File, checkDirectory(archive.File, size)
}

// checkDirectory looks at what the directory says of the parts.
func checkDirectory(parts []*zip.File, size int64) error {
	if len(parts) > maxParts {
		return refuse(0, fmt.Sprintf("has more than %d parts", maxParts))
	}
	names, total := map[string]bool{}, uint64(0)
	for _, p := range parts {
		name := strings.ToLower(strings.ReplaceAll(p.Name, `\`, "/"))
		if names[name] || p.UncompressedSize64 > maxUnpacked {
			return refuse(0, damaged)
		}
		names[name], total = true, total+p.UncompressedSize64
	}
	switch {
	case total > maxUnpacked:
		return refuse(0, fmt.Sprintf("unpacks to more than %d MiB: save it as CSV", maxUnpacked>>20))
	case total > ratioFrom && total > maxRatio*uint64(max(size, 1)):
		return refuse(0, fmt.Sprintf("unpacks to more than %d times its size", maxRatio))
	case !names["[content_types].xml"] || !names["_rels/.rels"]:
		return refuse(0, "is a zip archive, but no XLSX: save it as .xlsx")
	}
	return nil
}

// bounded ends reading after left bytes; -1 is no bound. zip.Reader allocates for
// every entry of the directory, whatever number of them the file claims to have.
type bounded struct {
	src    io.ReaderAt
	left   int
	over   bool
	failed error
}

func (b *bounded) ReadAt(p []byte, at int64) (int, error) {
	if b.left >= 0 {
		if b.over = b.over || len(p) > b.left; b.over {
			return 0, errLimit
		}
		b.left -= len(p)
	}
	n, err := b.src.ReadAt(p, at)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed = err
	}
	return n, err
}

// slim writes an archive of those parts alone that rows are read of, after it
// looked at each: pictures, styles and the like would only fill the memory. It
// returns how many rows the sheets have.
func slim(parts []*zip.File, to *os.File) (rows int, err error) {
	out, book := zip.NewWriter(to), uint64(0)
	for _, p := range parts {
		if !needed(p.Name) {
			continue
		}
		if !large(p.Name) {
			book += p.UncompressedSize64
		}
		if book > maxBook {
			return 0, refuse(0, "is built in a way that takes too much memory: open it in a spreadsheet program and save it anew")
		}
		checked, err := checkPart(p)
		if err != nil {
			return 0, err
		}
		rows += checked.rows
		if err := keep(out, p, checked.thousandths); err != nil {
			return 0, fmt.Errorf("unpack: %w", err)
		}
	}
	if err := out.Close(); err != nil {
		return 0, fmt.Errorf("unpack: %w", err)
	}
	return rows, nil
}

// keep copies a part. The numbers that end at these places get one more zero:
// 1.255 in a number's cell is not 1255, and excelize does not tell such a cell
// from one with text.
func keep(out *zip.Writer, p *zip.File, thousandths []int64) error {
	if len(thousandths) == 0 {
		return out.Copy(p)
	}
	in, err := p.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	to, err := out.Create(p.Name)
	at := int64(0)
	for _, end := range thousandths {
		if err == nil {
			_, err = io.CopyN(to, in, end-at)
		}
		if err == nil {
			_, err = io.WriteString(to, "0")
		}
		at = end
	}
	if err == nil {
		_, err = io.Copy(to, in)
	}
	return err
}

// needed reports whether the rows of a sheet cannot be read without a part.
func needed(name string) bool {
	name = strings.ToLower(strings.ReplaceAll(name, `\`, "/"))
	folder, file := path.Split(name)
	switch folder {
	case "":
		return file == "[content_types].xml"
	case "_rels/", "xl/_rels/":
		return path.Ext(file) == ".rels"
	case "xl/":
		return file == "sharedstrings.xml" || strings.HasPrefix(file, "workbook") && path.Ext(file) == ".xml"
	}
	return folder == "xl/worksheets/" && path.Ext(file) == ".xml"
}

// large reports whether excelize keeps a part on the disk instead of in memory,
// if it is more than a few KiB.
func large(name string) bool {
	name = strings.ToLower(strings.ReplaceAll(name, `\`, "/"))
	return name == "xl/sharedstrings.xml" || strings.HasPrefix(name, "xl/worksheets/sheet")
}

// refuseOLE says what a file is that begins as old files of Office do: an .xls,
// or an XLSX behind a password, which has a part of that name inside.
func refuseOLE(src io.ReaderAt, size int64) error {
	name := []byte("E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00")
	buf := make([]byte, passBuffer)
	for at := int64(0); at < min(size, maxArchive); at += int64(len(buf) - len(name)) {
		n, err := src.ReadAt(buf, at)
		if bytes.Contains(buf[:n], name) {
			return refuse(0, "is locked with a password: save it without one")
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read: %w", err)
		}
	}
	return refuse(0, "is an old .xls file: save it as .xlsx")
}
