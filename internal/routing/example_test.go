package routing_test

import (
	"fmt"

	"github.com/redstart-go/redstart/internal/routing"
)

func Example() {
	var table routing.Table[string]
	for _, pattern := range []string{"/crimes/search", "/crimes/:id", "/crimes/:crime/notes", "/*path"} {
		if err := table.Add("GET", pattern, pattern, "main.go:12"); err != nil {
			fmt.Println(err)
		}
	}
	matcher, err := table.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	var match routing.Match[string]
	for _, path := range []string{"/crimes/search", "/crimes/7/", "/crimes/7/notes", "/css/site.css"} {
		matcher.Lookup("GET", path, "", &match)
		fmt.Print(path, " is ", match.Value)
		for name, value := range match.All() {
			fmt.Printf(" with %s = %q", name, value)
		}
		fmt.Println()
	}
	// Output:
	// /crimes/search is /crimes/search
	// /crimes/7/ is /crimes/:id with id = "7"
	// /crimes/7/notes is /crimes/:crime/notes with crime = "7"
	// /css/site.css is /*path with path = "css/site.css"
}

func ExampleParse() {
	_, err := routing.Parse("/items:batch")
	fmt.Println(err)
	// Output: route pattern "/items:batch": in "items:batch" the parameter is only a part of its segment; it must fill one, write "items/:batch"
}

func ExampleTable_Add() {
	var table routing.Table[int]
	fmt.Println(table.Add("GET", "/crimes/:id", 1, "api.go:12"))
	fmt.Println(table.Add("GET", "/crimes/:crime", 2, "main.go:7"))
	// Output:
	// <nil>
	// route GET "/crimes/:crime" (main.go:7) is already registered as "/crimes/:id" (api.go:12): both match the same paths, remove one or change its path
}

func ExamplePattern_URL() {
	pattern, err := routing.Parse("/posts/:id/:slug?")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pattern.URL(map[string]string{"id": "7", "slug": "ha/ha"}))
	fmt.Println(pattern.URL(map[string]string{"id": "7"}))
	fmt.Println(pattern.URL(map[string]string{"slug": "haha"}))
	// Output:
	// /posts/7/ha%2Fha <nil>
	// /posts/7 <nil>
	//  URL of "/posts/:id/:slug?": parameter "id" is missing
}

func ExampleMatcher_Allowed() {
	var table routing.Table[int]
	for i, method := range []string{"GET", "DELETE"} {
		if err := table.Add(method, "/crimes/:id", i, ""); err != nil {
			fmt.Println(err)
		}
	}
	matcher, err := table.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(matcher.Allowed("/crimes/7", ""))
	// Output: [DELETE GET HEAD OPTIONS]
}
