// Package browser walks the demo's tour in a real browser: headless Chromium, of the Debian package chromium.
package browser
