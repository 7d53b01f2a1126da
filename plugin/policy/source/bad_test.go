package source_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/plugin/policy/source"
)

var update = flag.Bool("update", false, "write testdata/bad/*.txt anew")

// Each testdata/bad/NAME.yaml has NAME.txt beside it: every line an author must see, and no other.
func TestBadPoliciesSayAllThatIsWrong(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(strings.ReplaceAll(name, "-", " "), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p, lines, json := source.Load("policy.yaml", text, fakes(), variables)
			if p != nil || json != nil || len(lines) == 0 {
				t.Fatalf("loaded, with lines %q", lines)
			}
			got := strings.Join(lines, "\n") + "\n"
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			for _, secret := range []string{"key-value-7731", "subject-value-9920", "hunter2", "written-here"} {
				if strings.Contains(got, secret) {
					t.Errorf("shows the secret %q", secret)
				}
			}
		})
	}
}
