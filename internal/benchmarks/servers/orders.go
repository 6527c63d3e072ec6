package servers

import (
	"encoding/json"
	"fmt"
)

// User is the reply to /users/{id}.
type User struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	District int    `json:"district"`
	Active   bool   `json:"active"`
}

func userOf(id string) User { return User{ID: id, Name: "Selina Kyle", District: 7, Active: true} }

// Order is what is posted to /orders.
type Order struct {
	ID       string  `json:"id"`
	Customer string  `json:"customer"`
	Address  Address `json:"address"`
	Lines    []Line  `json:"lines"`
	Notes    string  `json:"notes"`
	Express  bool    `json:"express"`
	Total    float64 `json:"total"`
}

// Address is where an order goes.
type Address struct {
	Street string `json:"street"`
	City   string `json:"city"`
	Code   string `json:"code"`
}

// Line is one position of an order.
type Line struct {
	Article  string   `json:"article"`
	Quantity int      `json:"quantity"`
	Price    float64  `json:"price"`
	Tags     []string `json:"tags"`
}

// OrderJSON returns an order of about one kilobyte.
func OrderJSON() string {
	order := Order{
		ID: "order-4711", Customer: "Wayne Enterprises",
		Address: Address{Street: "1007 Mountain Drive", City: "Gotham", Code: "07301"},
		Notes:   "Deliver to the cave entrance behind the waterfall, after dark.",
		Express: true, Total: 1234.5,
	}
	for i := range 9 {
		order.Lines = append(order.Lines, Line{
			Article: fmt.Sprintf("grapnel-%03d", i), Quantity: i + 1, Price: 19.75 * float64(i+1),
			Tags: []string{"steel", "black"},
		})
	}
	body, err := json.Marshal(order)
	if err != nil {
		panic(err) // a value of plain fields can always be encoded
	}
	return string(body)
}
