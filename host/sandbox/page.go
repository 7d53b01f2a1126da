package sandbox

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// pagePath is where a person proves identity. The vendor's own page is on a third company's host; what matters of it is
// that its address carries transaction_no, sign, app_id and timestamp, and that the browser then goes to returnUrl.
const pagePath = "/glodon/page"

// maxPages is how many pages are kept; the oldest go first.
const maxPages = 10_000

// A page is one that step 2 sent somebody to.
type page struct {
	Transaction string    `json:"transactionNo"`
	Person      string    `json:"person"`
	URL         string    `json:"url"`
	Said        string    `json:"said,omitempty"` // approved or declined
	At          time.Time `json:"at"`

	sign, idNumber, account, returnURL string
}

// What a person says on a page.
const (
	approved = "approved"
	declined = "declined"
)

// pages is what was asked for, and what each person said last.
type pages struct {
	mu      sync.Mutex
	all     []*page           // oldest first
	answers map[string]string // by ID number
}

// newPage makes a page for the person and returns its address.
func (s *Sandbox) newPage(r *http.Request, p *person, q glodonRequest) string {
	base := s.publicURL
	if base == "" {
		base = "http://" + r.Host
	}
	now := s.now()
	x := &page{
		Transaction: requestID(), sign: requestID(), Person: p.named(), At: now.UTC(),
		idNumber: q.claims().idNumber, account: q.AccountID, returnURL: q.ReturnURL,
	}
	x.URL = base + pagePath + "?" + url.Values{
		"transaction_no": {x.Transaction}, "sign": {x.sign}, "app_id": {"402558"},
		"timestamp": {strconv.FormatInt(now.UnixMilli(), 10)},
	}.Encode()
	s.pages.mu.Lock()
	defer s.pages.mu.Unlock()
	if len(s.pages.all) >= maxPages {
		s.pages.all = s.pages.all[1:]
	}
	s.pages.all = append(s.pages.all, x)
	return x.URL
}

// said is what the person said, "" for nothing yet.
func (p *pages) said(idNumber string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answers[idNumber]
}

// find is the page that a request's query names and proves to know, nil when none. The caller holds the lock.
func (p *pages) find(r *http.Request) *page {
	q := r.URL.Query()
	i := slices.IndexFunc(p.all, func(x *page) bool {
		return x.Transaction == q.Get("transaction_no") && x.sign == q.Get("sign")
	})
	if i < 0 {
		return nil
	}
	return p.all[i]
}

var pageText = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Sandbox identity page</title>
<h1>Sandbox identity page</h1>
<p>This stands in for the page on which a person proves identity to Glodon B-Trust. Nobody real is checked.</p>
<p>Person: <b>{{.Person}}</b>. Transaction: {{.Transaction}}.</p>
{{if .Said}}<p id="state">The person has {{.Said}}.</p>
{{end}}<form method="post">
<button id="approve" name="said" value="approved">I am this person</button>
<button id="decline" name="said" value="declined">I am not</button>
</form>
</html>
`))

func (s *Sandbox) showPage(w http.ResponseWriter, r *http.Request) {
	s.pages.mu.Lock()
	x := s.pages.find(r)
	var shown page
	if x != nil {
		shown = *x
	}
	s.pages.mu.Unlock()
	if x == nil {
		http.Error(w, "no such page", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = pageText.Execute(w, shown)
}

// completePage is what the person says: from now on step 2 says already real-named, or that the data does not match. The
// browser goes to returnUrl, or stays when that is no web address.
func (s *Sandbox) completePage(w http.ResponseWriter, r *http.Request) {
	said := r.PostFormValue("said")
	if said == "" {
		said = approved
	}
	if said != approved && said != declined {
		http.Error(w, "said is approved or declined", http.StatusBadRequest)
		return
	}
	s.pages.mu.Lock()
	x := s.pages.find(r)
	if x == nil {
		s.pages.mu.Unlock()
		http.Error(w, "no such page", http.StatusNotFound)
		return
	}
	x.Said = said
	if s.pages.answers == nil {
		s.pages.answers = map[string]string{}
	}
	s.pages.answers[x.idNumber] = said
	account, back := x.account, x.returnURL
	s.pages.mu.Unlock()

	if said == approved {
		s.accounts.verified(account)
	}
	if u, err := url.Parse(back); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		back = r.URL.RequestURI()
	}
	http.Redirect(w, r, back, http.StatusSeeOther) //nolint:gosec // the vendor too returns people to where the caller said
}

func (s *Sandbox) getPages(w http.ResponseWriter, _ *http.Request) {
	s.pages.mu.Lock()
	list := make([]page, 0, len(s.pages.all))
	for _, x := range s.pages.all {
		list = append(list, *x)
	}
	s.pages.mu.Unlock()
	slices.Reverse(list)
	writeJSON(w, http.StatusOK, map[string]any{"pages": list})
}

func (s *Sandbox) deletePages(w http.ResponseWriter, _ *http.Request) {
	s.pages.mu.Lock()
	s.pages.all, s.pages.answers = nil, nil
	s.pages.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}
