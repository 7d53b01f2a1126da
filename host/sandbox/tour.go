package sandbox

import (
	_ "embed"
	"net/http"
)

// TourPath is where the sample upstream has a page that goes the whole way of a person who is sent to a vendor's page;
// with TourBack that person comes back.
const (
	TourPath = "/tour"
	TourBack = TourPath + "?back"
)

//go:embed tour.html
var tourText []byte

func showTour(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(tourText) //nolint:errcheck // the browser has left
}
