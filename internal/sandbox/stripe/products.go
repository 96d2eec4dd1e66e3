package stripe

import "slices"

const productParams = `active:bool description? images?:[string] metadata:metadata shippable:bool statement_descriptor tax_code? unit_label? url?`

func createProduct(t *tx, r *request) (any, error) {
	p := &product{header: header{ID: r.str("id")}, Active: true, Images: []string{}, Updated: t.now}
	if p.ID != "" && get[*product](t, p.ID) != nil {
		return nil, invalid("resource_already_exists", "id", "Product already exists.")
	}
	if err := p.set(r.values); err != nil {
		return nil, err
	}
	t.add(p, "prod_")
	t.emit("product.created", p)
	return p, nil
}

func (p *product) set(v values) (err error) {
	setValue(v, "active", &p.Active)
	setValue(v, "name", &p.Name)
	setOptional(v, "description", &p.Description)
	setOptional(v, "statement_descriptor", &p.StatementDescriptor)
	setOptional(v, "tax_code", &p.TaxCode)
	setOptional(v, "unit_label", &p.UnitLabel)
	setOptional(v, "url", &p.URL)
	if v.has("images") {
		p.Images = v.strs("images")
	}
	p.Metadata, err = v.metadata(p.Metadata)
	return err
}

func listProducts(t *tx, r *request) (any, error) {
	ids := r.strs("ids")
	return listed(r, filter(all[*product](t),
		func(p *product) bool { return !r.has("active") || p.Active == r.yes("active") },
		func(p *product) bool { return !r.has("ids") || slices.Contains(ids, p.ID) },
		func(p *product) bool { return r.within("created", &p.Created) }))
}

func getProduct(t *tx, r *request) (any, error) { return find[*product](t, r) }

func updateProduct(t *tx, r *request) (any, error) {
	p, err := find[*product](t, r)
	if err != nil {
		return nil, err
	}
	if id := r.str("default_price"); id != "" {
		price, err := referred[*price](t, id, "default_price")
		if err != nil {
			return nil, err
		}
		if price.Product != p.ID {
			return nil, invalid("", "default_price", "The price %s belongs to another product.", id)
		}
	}
	t.update("product.updated", p, func() {
		err = p.set(r.values)
		setOptional(r.values, "default_price", &p.DefaultPrice)
		p.Updated = t.now
	})
	return p, err
}

func deleteProduct(t *tx, r *request) (any, error) {
	p, err := find[*product](t, r)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(all[*price](t), func(x *price) bool { return x.Product == p.ID }) {
		return nil, invalid("", "id", "This product cannot be deleted because it has one or more user-created prices.")
	}
	t.emit("product.deleted", p)
	t.remove(p)
	return deletedAnswer(p), nil
}
